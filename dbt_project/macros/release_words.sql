{#-
    What a model's name can say, as patterns over one word or several joined by '--' (see
    name_words in releases.sql). The rules that use them are in releases.sql.
-#}

{#- The format of another runtime: the same weights, packed again. -#}
{% macro words_of_format() -%}
    {{ return([
        '[a-z0-9.]*ggufs?[a-z]*', 'ggml', 'llamafile',
        'i?q[1-8](?:--(?:[0-9]|[iknx]?[klmsxt]{1,3}|nl))+',
        'i?q[1-8][01k]', 'q4f16', 'oq[0-9.]+e?', 'rocmfp[0-9a-z]*',
        '[a-z]*mlx[a-z]*', 'mtplx', 'jang', '[a-z]*onnx', 'ort', 'awq', 'gptq[a-z]*', 'exl[23]',
        'coreml', 'coreai', 'openvino', 'ov', 'litert', 'litertlm', 'tflite', 'executorch',
        'tensorrt', 'trtllm', 'trt', 'rknn[0-9]?', 'rkllm', 'mlc', 'ct2', 'ctranslate2', 'npu2?',
        'q4nx', 'qnn[0-9.]*', 'ncnn', 'ninfer', 'tfjs', 'web(?:gpu|llm)', 'comfyui', 'comfy',
        'repackaged', 'diffusers', 'keras',
    ]) }}
{%- endmacro %}

{#- Lower precision in the format that the weights had. -#}
{% macro words_of_precision() -%}
    {{ return([
        '(?:nv|mx)?fp[468][a-z0-9]*', 'int[2348]', 'nf[34]', 'bnb', '[1-8]bit', '[1-8]--bit',
        'w[0-9]+a[0-9]+[a-z0-9]*', 'quantized', 'quanti[sz]ation', '[0-9.]+bpw', 'autoround',
        'auto--round', 'smoothquant', 'hqq', 'aqlm', 'torchao', 'convrot', 'quark', 'dynquant',
        '1p58bit', 'bitnet', 'optiq', 'q[2-8]',
    ]) }}
{%- endmacro %}

{% macro words_of_adapter() -%}
    {{ return([
        '(?:q|rs|ic)?loras?', 'adapters?', 'dora', 'lokr', 'loha', 'lycoris', 'ia3', 'peft',
    ]) }}
{%- endmacro %}

{#- An adapter that was folded into the weights is an adapter no more. -#}
{% macro words_of_folding() -%}
    {{ return(['merged?', 'fused']) }}
{%- endmacro %}

{% macro words_of_merge() -%}
    {{ return([
        'slerp', 'ties', 'dare', 'della', 'mergekit', 'frankenmerge', 'passthrough',
        'model--stock', 'linear--merge',
    ]) }}
{%- endmacro %}

{#-
    A moment of a training. A leading `Step-3.5` is a family, `4-step` a fast sampler, and
    `1-epoch` a recipe: none of them is meant.
-#}
{% macro words_of_checkpoint() -%}
    {{ return([
        'steps?(?:--)?[0-9]+k?', '[0-9]{3,}k?(?:--)?steps?', '[0-9]+k(?:--)?steps?',
        'epochs?(?:--)?[0-9]+', '(?:ckpt|checkpoint|chkpt)s?(?:--)?[0-9]+k?',
        'iter(?:ation)?(?:--)?[0-9]{3,}k?', 'stage(?:--)?[0-9]',
    ]) }}
{%- endmacro %}

{% macro words_of_tuning() -%}
    {{ return([
        'instruct', 'instruction', 'chat', '[a-z]?[0-9.]+[bm]--it', 'sft', 'dpo', 'kto', 'orpo',
        'grpo', 'rlhf', 'rlvr', 'thinking', 'think', 'ft', 'finetuned?', 'fine--tuned?', 'tuned',
        'abliterated', 'uncensored', 'heretic', 'distill?(?:ed)?', 'distillation', 'merged',
    ]) }}
{%- endmacro %}

{#- What tells variants of one version apart: size, tuning, precision, packing, moment. -#}
{% macro words_of_variant() -%}
    {{ return([
        '[0-9]+(?:[.p][0-9]+)?[bmkt]', '[ae][0-9]+(?:[.p][0-9]+)?b', '[0-9]+x[0-9.]+[bm]',
        '[0-9]+e', 'nano', 'micro', 'mini', 'tiny', 'small', 'medium', 'large', 'xl', 'xxl', 'huge',
        'giant', 'lite', 'flash', 'air', 'pro', 'plus', 'max', 'ultra', 'super', 'turbo',
        'instruct', 'chat', 'it', 'base', 'pt', 'pretrain(?:ed)?', 'sft', 'dpo', 'rlvr', 'rlhf',
        'thinking', 'think', 'reasoning', 'preview', 'raw', 'dev', 'hf', 'cased', 'uncased',
        'bf16', 'b?fp?16', 'fp?32', 'gs?[0-9]{2,3}', 'i1', 'imatrix', 'ud', 'dynamic', 'qat',
        'unquantized', 'mtp', 'unsloth', 'archive', 'block', 'sym', 'asym',
        'seed(?:--)?[0-9]+',
    ] + words_of_format() + words_of_precision() + words_of_checkpoint()) }}
{%- endmacro %}

{#- Runtimes that train nothing: what is in their format came from another format. -#}
{% macro libraries_of_conversion() -%}
    {{ return([
        'gguf', 'ggml', 'llama.cpp', 'llama-cpp', 'mlx', 'mlx-lm', 'mlx-vlm', 'mlx-audio', 'onnx',
        'onnxruntime', 'onnxruntime-web', 'onnxruntime-genai', 'transformers.js', 'openvino',
        'coreml', 'coremltools', 'coreai', 'executorch', 'litert', 'litert-lm', 'tflite',
        'ctranslate2', 'mlc-llm', 'q4nx', 'ninfer', 'torq', 'tensorrt', 'rkllm', 'rknn',
        'kerasformers', 'exllamav2', 'exllamav3',
    ]) }}
{%- endmacro %}

{#-
    Families by the names they go by; one of two words stands before its first word alone. A new
    brand needs no row: it is read off the name (unknown_family). A row is worth it where a family
    shows in the middle of names, and the word means nothing else (step, opt, pi, ring do).
-#}
{% macro family_brands() -%}
    {{ return([
        'qwen-image', 'qwen', 'qwq', 'qvq', 'codeqwen', 'llama-guard', 'llama-prompt-guard',
        'prompt-guard', 'llama',
        'codellama', 'tinyllama', 'llava', 'vicuna', 'zephyr', 'starcoder', 'shieldgemma',
        'codegemma', 'recurrentgemma', 'paligemma', 'functiongemma', 'txgemma', 't5gemma', 'gemma',
        'deepseek-ocr', 'deepseek-coder', 'deepseek-math', 'deepseek-vl', 'deepseek-moe',
        'deepseek-prover', 'deepseek',
        'ministral', 'mistral', 'mixtral', 'devstral', 'magistral', 'codestral', 'pixtral',
        'voxtral', 'mathstral', 'leanstral', 'shieldstral',
        'phi', 'orca', 'florence', 'vibevoice', 'trellis', 'biogpt', 'gpt-oss', 'gpt-neox',
        'gpt-neo', 'gpt-j', 'gpt', 'distilgpt', 'dialogpt', 'whisper', 'clip', 'grok',
        'kimi-vl', 'kimi-audio', 'kimi-linear', 'kimi-dev', 'kimi', 'moonlight',
        'glm-ocr', 'chatglm', 'codegeex', 'cogvideox', 'cogvlm', 'cogview', 'glm',
        'minimax-text', 'minimax-music', 'minimax-vl', 'minimax', 'minicpm-v', 'minicpm-o',
        'minicpmv', 'minicpm', 'voxcpm', 'step-audio', 'mimo', 'longcat',
        'ernie', 'paddleocr', 'hunyuan', 'hunyuanvideo', 'hunyuanimage', 'seed-oss',
        'internlm', 'internvl', 'interns', 'baichuan', 'skywork', 'nanbeige', 'telechat',
        'olmo', 'olmoe', 'molmo', 'olmocr', 'tulu', 'dolly', 'pythia', 'nemotron', 'minitron',
        'cosmos', 'parakeet', 'canary', 'granite-docling', 'granite', 'smollm', 'smolvlm',
        'smolvla', 'smoldocling', 'lfm', 'falcon-h', 'falcon-mamba', 'falcon', 'jais', 'command-r',
        'command-a', 'aya', 'exaone', 'solar-open', 'solar', 'kanana', 'hyperclova-x',
        'hyperclovax', 'hermes', 'dolphin', 'stablelm', 'stable-diffusion-xl', 'sdxl',
        'stable-diffusion', 'sd', 'stable-audio', 'stable-video', 'flux', 'krea', 'wan',
        'ltx-video', 'ltxv', 'ltx', 'z-image', 'zimage', 'chroma', 'hidream', 'pixart',
        'ace-step', 'muse-glimmer', 'apertus', 'eurollm', 'salamandra', 'sarvam', 'rwkv', 'mamba',
        'jamba', 'zamba', 'dbrx', 'mpt', 'bloomz', 'bloom', 'nllb', 'seamless',
        'bge', 'gte', 'e5', 'jina', 'nomic-embed', 'minilm', 'mpnet', 'arctic-embed', 'splade',
        'colbert', 'colpali', 'colqwen', 'modernbert', 'mmbert', 'distilbert', 'distilroberta',
        'xlm-roberta', 'camembert', 'codebert', 'biobert', 'finbert', 'scibert', 'bertimbau',
        'deberta', 'mdeberta', 'roberta', 'albert', 'electra', 'bert', 'mbart', 'bart', 'pegasus',
        'flan-t5', 'mt5', 'umt5', 'byt5', 'vit5', 't5', 'trocr', 'donut', 'vit', 'beit', 'deit',
        'swin', 'dinov', 'siglip', 'detr', 'yolos', 'yolov', 'yolo', 'resnet', 'convnext',
        'efficientnet', 'mobilenet', 'segformer', 'xtts', 'kokoro', 'chatterbox', 
        'speecht5', 'orpheus', 'wav2vec', 'hubert', 'wavlm', 'mms', 'zipformer', 'musicgen',
        'cosyvoice', 'esm', 'protbert', 'chronos', 'timesfm', 'moirai', 'tabpfn', 'openvla', 
        'gr00t', 'opus-mt', 'snowflake-arctic', 'tinystories', 'nanochat', 'muscriptor',
    ]) }}
{%- endmacro %}

{#- Families that write their version without a hyphen: qwen3, wan2.2. -#}
{% macro brands_with_glued_version() -%}
    {{ return([
        'qwen', 'codeqwen', 'gpt', 'wan', 'lfm', 'smollm', 'smolvlm', 'smolvla', 'smoldocling',
        'starcoder', 'dinov', 'yolov', 'yolo', 'minicpm', 'voxcpm',
        'internlm', 'internvl', 'cogvlm', 'cogview', 'cogvideox', 'chatglm', 'wav2vec', 'siglip',
        'esm', 'solar-open', 'baichuan', 'telechat', 'rwkv', 'mamba', 'zamba', 'mt',
        'florence', 'orca', 'nanbeige', 'codegeex', 'deepseek-vl', 'speecht',
        'falcon-h', 'm2m', 'cosmos', 'cosyvoice', 'qvq', 'colqwen', 'olmocr', 'paligemma',
    ]) }}
{%- endmacro %}

{#- Spellings of one family; and `qwen25` is Qwen 2.5, `llama31` Llama 3.1. -#}
{% macro brand_spellings() -%}
    {{ return({
        'zimage': 'z-image', 'sdxl': 'stable-diffusion-xl', 'sd': 'stable-diffusion',
        'minicpmv': 'minicpm-v', 'llama-prompt-guard': 'prompt-guard',
        'hyperclovax': 'hyperclova-x', 'ltxv': 'ltx-video',
    }) }}
{%- endmacro %}

{% macro brands_with_pointless_version() -%}
    {{ return([
        'qwen', 'llama', 'wan', 'lfm', 'glm', 'granite', 'phi', 'internvl', 'ltx', 'exaone',
    ]) }}
{%- endmacro %}

{#-
    Whose families these are. A name that says Llama, from anybody else and without a parent,
    is no base.
-#}
{% macro family_homes() -%}
    {{ return({
        'Qwen': ['qwen', 'qwen-image', 'qwq', 'qvq', 'codeqwen'],
        'meta-llama': ['llama', 'llama-guard', 'prompt-guard', 'codellama'],
        'google': ['gemma', 'codegemma', 'paligemma', 'shieldgemma', 'recurrentgemma',
                   'functiongemma', 'txgemma', 't5gemma', 'vit', 'siglip'],
        'deepseek-ai': ['deepseek', 'deepseek-ocr', 'deepseek-coder', 'deepseek-math',
                        'deepseek-vl', 'deepseek-moe', 'deepseek-prover'],
        'mistralai': ['mistral', 'ministral', 'mixtral', 'devstral', 'magistral', 'codestral',
                      'pixtral', 'voxtral', 'mathstral', 'leanstral', 'shieldstral'],
        'microsoft': ['phi', 'florence', 'vibevoice', 'trellis', 'deberta', 'mdeberta'],
        'openai': ['gpt-oss', 'whisper', 'clip'],
        'moonshotai': ['kimi', 'kimi-vl', 'kimi-linear', 'kimi-audio', 'kimi-dev'],
        'zai-org': ['glm', 'glm-ocr'],
        'MiniMaxAI': ['minimax', 'minimax-text', 'minimax-music', 'minimax-vl'],
        'openbmb': ['minicpm', 'minicpm-v', 'minicpm-o', 'voxcpm'],
        'allenai': ['olmo', 'olmoe', 'molmo', 'olmocr', 'tulu'],
        'nvidia': ['nemotron', 'parakeet', 'canary', 'cosmos', 'gr00t'],
        'ibm-granite': ['granite', 'granite-docling'],
        'HuggingFaceTB': ['smollm', 'smolvlm'],
        'LiquidAI': ['lfm'],
        'tiiuae': ['falcon', 'falcon-h', 'falcon-mamba'],
        'LGAI-EXAONE': ['exaone'],
        'EleutherAI': ['pythia', 'gpt-neo', 'gpt-neox', 'gpt-j'],
        'Wan-AI': ['wan'],
        'black-forest-labs': ['flux'],
        'facebook': ['dinov', 'nllb', 'esm', 'musicgen'],
    }) }}
{%- endmacro %}

{#- Families that join their version by a point. -#}
{% macro brands_with_pointed_version() -%}
    {{ return(['flux', 'trellis']) }}
{%- endmacro %}

{#- Families whose version is a letter and a number: deepseek-r1, kimi-k2, minimax-m2.1. -#}
{% macro brands_with_lettered_version() -%}
    {{ return(['deepseek', 'kimi', 'minimax', 'mimo']) }}
{%- endmacro %}

{#- Tags of a repository whose weights are in the format of another runtime. -#}
{% macro tags_of_conversion() -%}
    {{ return([
        'gguf', 'ggml', 'mlx', 'coreml', 'coreai', 'openvino', 'executorch', 'tflite', 'litert',
        'litert-lm', 'exl2', 'exl3', 'mlc-llm', 'q4nx', 'rkllm', 'awq', 'gptq',
    ]) }}
{%- endmacro %}

{% macro tags_of_precision() -%}
    {{ return([
        'quantized', 'quantization', 'compressed-tensors', 'bitsandbytes', 'modelopt', 'ModelOpt',
        '2-bit', '3-bit', '4-bit', '5-bit', '6-bit', '8-bit', 'fp8', 'fp4', 'nvfp4', 'mxfp4',
        'int4', 'int8', 'w4a16', 'w8a8', 'hqq', 'auto-round', 'torchao',
    ]) }}
{%- endmacro %}

{#- Tags that trainers leave on what they tuned. -#}
{% macro tags_of_training() -%}
    {{ return([
        'trl', 'sft', 'dpo', 'grpo', 'orpo', 'kto', 'llama-factory', 'autotrain', 'axolotl',
        'finetuned', 'fine-tuned', 'finetune', 'abliterated', 'uncensored', 'unsloth',
    ]) }}
{%- endmacro %}
