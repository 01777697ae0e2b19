{#- What an overtake is, beside the shares: its times. -#}

{#- So many days one must stay ahead to have overtaken. -#}
{% macro days_ahead() -%} 7 {%- endmacro %}

{#- So many measured days, the tied ones among them, are looked back for who was ahead. More would
    be read each day for the few that were equal for longer: most often both have nothing. -#}
{% macro days_looked_back() -%} 31 {%- endmacro %}
