-- The models of the last 240 days that were received best, at every age that
-- was measured.
with measured as (

    select *
    from fct_relative_adoption
    where relative_adoption is not null and released_on > $day - 240

),

best as (

    select model, max_by(relative_adoption, age_days) as last_adoption
    from measured
    group by model
    order by last_adoption desc, model
    limit 24

)

select measured.*
from measured
inner join best on measured.model = best.model
order by best.last_adoption desc, measured.model, measured.age_days
