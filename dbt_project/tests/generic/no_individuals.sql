{#-
    Fails with the curated organizations that the Hub, or the records, call an individual: a
    country is an organization's. It may be the account of a company; a person decides.
-#}
{% test no_individuals(model, owner_types) %}
    select
        curated.organization,
        curated.country_key,
        curated.evidence,
        told.evidence as told_by
    from {{ model }} as curated
    inner join {{ owner_types }} as told using (organization)
    where told.owner_type = 'individual'
{% endtest %}
