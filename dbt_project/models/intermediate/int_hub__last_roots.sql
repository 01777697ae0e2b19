{{ last_rows_before_absence(ref('int_hub__lineage_roots'), [
    'snapshot_date',
    'model_key',
    'root_model_id',
    'root_organization',
    'credit',
    'is_main_root',
]) }}
