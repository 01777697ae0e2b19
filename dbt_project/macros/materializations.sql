{#-
    How a table and a view come to be. dbt-duckdb's own way is for tables that others read
    meanwhile, with foreign keys, grants and indexes: a rename to a backup, a rename from an
    intermediate, two transactions, some nine questions a table. Nobody reads the warehouse
    during a build and it has none of these: one transaction, and half of the time of a build.
    What was a view and is a table now, or the other way round, is dropped as what it was.
-#}

{#- The old table stays until the new one is whole: a model may read `this`. -#}
{% materialization table, adapter='duckdb' -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set made = make_intermediate_relation(target) -%}
    {%- set old = load_cached_relation(this) or target -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') -%}
        {% if is_large(old) and not config.get('contract').enforced -%}
        {{ create_uncompressed(made, compiled_code) }};
        {%- else -%}
        {{ create_table_as(False, made, compiled_code) }};
        {%- endif %}
        drop {{ old.type }} if exists {{ target }};
        alter table {{ made }} rename to {{ target.identifier }};
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{#-
    A table of millions of rows that is made anew each day: compressing it is half of the time of
    writing it, and nobody keeps it.
-#}
{% macro create_uncompressed(relation, sql) -%}
    create table {{ relation }} (
        {%- for column in get_column_schema_from_query(sql) %}
        {{ adapter.quote(column.name) }} {{ column.data_type }} using compression 'uncompressed'
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    );
    insert into {{ relation }} {{ sql }}
{%- endmacro %}

{#- Whether the build before left more than a million rows in the table. -#}
{% macro is_large(relation) -%}
    {%- set found = run_query(
        "select estimated_size > 1000000 from duckdb_tables() where schema_name = '"
        ~ relation.schema ~ "' and table_name = '" ~ relation.identifier ~ "'"
    ) -%}
    {{ return(found.rows | length > 0 and found.rows[0][0]) }}
{%- endmacro %}

{% materialization view, adapter='duckdb' -%}
    {%- set target = this.incorporate(type='view') -%}
    {%- set old = load_cached_relation(this) or target -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') -%}
        drop {{ old.type }} if exists {{ target }};
        {{ get_create_view_as_sql(target, compiled_code) }}
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}
