{{ last_rows_before_absence(ref('int_hub__model_days'), [
    'snapshot_date',
    'model_key',
    'model_id',
    'organization',
    'created_at',
    'is_language_model',
    'is_lineage_known',
    'downloads_30d',
]) }}
