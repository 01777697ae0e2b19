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
        {{ create_table_as(False, made, compiled_code) }};
        drop {{ old.type }} if exists {{ target }};
        alter table {{ made }} rename to {{ target.identifier }};
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

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
