-- Which generation this file is, and of what.
select
    generation,
    published_at,
    code_version,
    universe_kind,
    universe_name
from publication
