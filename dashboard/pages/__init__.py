"""The pages of the site, one module each, each with `write(site)`."""
