{#-
    Fails with the ids of a seed of corrections that no model has or had. Only where the records are
    the whole Hub: a panel does not have them all, and a generated world none.
-#}
{% test names_known_models(model, corrected, seed) %}
    select seed.model_id
    from {{ seed }} as seed
    left join {{ model }} as corrected_models
        on
            seed.model_id = corrected_models.corrected_id
            and corrected_models.corrected = '{{ corrected }}'
    where
        corrected_models.model_key is null
        and (
            select max_by(is_whole, snapshot_date)
            from {{ source('raw', 'snapshots') }}
        )
        and not exists (
            select 1 from {{ source('raw', 'generated_organizations') }}
        )
{% endtest %}
