{#- The Hub's back-fill default: repositories older than the field bear it. -#}
{% macro is_default_date(created_at) -%}
    (
        {{ created_at }} >= timestamp '2022-03-02 23:29:04'
        and {{ created_at }} < timestamp '2022-03-02 23:29:06'
    )
{%- endmacro %}

{#- Cohort new_365d: created in the 365 days before the date; nobody knows when is not. -#}
{% macro is_new_365d(created_at, snapshot_date) -%}
    coalesce({{ created_at }} > {{ snapshot_date }} - interval 365 day, false)
{%- endmacro %}

{#-
    Scope language_models: by task; where no task is given, by tags that only language models
    carry (conversational, text-generation-inference, or the architecture).
-#}
{% macro is_language_model(pipeline_tag, tags) -%}
    coalesce(
        {{ pipeline_tag }} in (
            'text-generation',
            'text2text-generation',
            'image-text-to-text',
            'video-text-to-text',
            'audio-text-to-text',
            'any-to-any'
        ),
        {{ array_overlaps(tags, language_model_tags()) }}
    )
{%- endmacro %}

{#- The licence that the tags declare; null where they declare none. -#}
{% macro license_of(tags) -%}
    nullif(replace(
        {{ array_first(array_with_prefix(tags, 'license:')) }},
        'license:', ''
    ), '')
{%- endmacro %}

{% macro language_model_tags() -%}
    {{ return([
        'conversational', 'text-generation-inference',
        'llama', 'llama4', 'mllama', 'mistral', 'mistral3', 'ministral', 'mixtral',
        'qwen', 'qwen2', 'qwen2_moe', 'qwen2_vl', 'qwen2_5_vl', 'qwen3', 'qwen3_moe',
        'qwen3_next', 'qwen3_vl', 'qwen3_vl_moe', 'qwen3_5', 'qwen3_5_moe', 'deepseek',
        'deepseek_v2', 'deepseek_v3', 'deepseek_v32', 'deepseek_vl', 'kimi_k2', 'kimi_k25',
        'gemma', 'gemma2', 'gemma3', 'gemma3_text', 'gemma3n', 'gemma4', 'recurrent_gemma',
        'gpt2', 'gptj', 'gpt_neo', 'gpt_neox', 'gpt_neox_japanese', 'gpt_bigcode', 'gpt_oss',
        'bloom', 'opt', 'mpt', 'falcon', 'falcon_h1', 'falcon_mamba', 'phi', 'phi-msft', 'phi3',
        'phi3_v', 'phi3small', 'phimoe', 'phi4mm', 'stablelm', 'stablelm_epoch', 'olmo', 'olmo2',
        'olmo3', 'olmoe', 'internlm', 'internlm2', 'internlm3', 'internvl_chat', 'baichuan',
        'chatglm', 'glm', 'glm4', 'glm4_moe', 'glm4v', 'glm4v_moe', 'cohere', 'cohere2',
        'starcoder2', 'codegen', 'mamba', 'mamba2', 'rwkv', 'rwkv5', 'rwkv6', 'rwkv7', 'jamba',
        'granite', 'granitemoe', 'granitemoehybrid', 'minicpm', 'minicpm3', 'minicpmv',
        'minimax', 'minimax_m1', 'minimax_m2', 'ernie4_5', 'ernie4_5_moe', 'hunyuan',
        'hunyuan_v1_dense', 'hunyuan_v1_moe', 'exaone', 'exaone4', 'nemotron', 'nemotron_h',
        'smollm3', 'lfm2', 'lfm2_moe', 'bitnet', 'dbrx', 'grok-1', 'xverse', 'arctic', 'solar',
        'llava', 'llava_llama', 'llava_mistral', 'llava_next', 'idefics', 'idefics2',
        'idefics3', 'paligemma', 'seed_oss', 'step3', 'longcat', 'bailing_moe', 'apertus',
        'mimo', 'mimo_v2_flash', 'afmoe', 'xglm', 'ctrl', 'openai-gpt', 'persimmon', 'fuyu',
    ]) }}
{%- endmacro %}
