"""What must hold before a day is used and before a publication is shown.

Gate 1 judges sealed raw snapshots (`raw.py`), gate 3 a candidate publication (`candidate.py`);
gate 2 is dbt's own. All of them answer in `CheckOutcome`s.
"""
