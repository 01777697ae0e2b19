"""All that talks to the Hub: the listing crawls, the authors, the dataset archives.

What belongs here: requests, patience, suspicion, and the pages as they came. What the rows
mean, and whether they are good, belongs to `snapshots` and `gates`.
"""
