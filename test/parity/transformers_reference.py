"""The decoder against Hugging Face transformers. Needs torch, transformers and safetensors (CPU is enough).

  python transformers_reference.py write FOLDER   makes the fixtures: three tiny random models as transformers saves
                                                  them (llama sharded F32, qwen2 BF16, phi3 F16) with their logits
  python transformers_reference.py logits FOLDER  loads a model folder and prints its logits of IDS as JSON
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

IDS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
SHAPE = dict(
    vocab_size=23,
    hidden_size=16,
    intermediate_size=28,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=32,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=2,
)
MODELS = {
    "llama": (dict(head_dim=6, rope_theta=500.0, rms_norm_eps=1e-5), torch.float32),
    "qwen2": (dict(rope_theta=1000.0, rms_norm_eps=1e-6, tie_word_embeddings=True), torch.bfloat16),
    "phi3": (dict(partial_rotary_factor=0.5, num_attention_heads=2, num_key_value_heads=1), torch.float16),
}


def load(folder, **options):
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", **options)


def logits(model):
    with torch.no_grad():
        return model.eval()(torch.tensor([IDS])).logits[0].tolist()


def write(folder: Path):
    for name, (options, dtype) in MODELS.items():
        torch.manual_seed(7)
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **SHAPE | options))
        with torch.no_grad():
            for key, tensor in model.named_parameters():
                tensor.normal_(1.0 if key.endswith("norm.weight") else 0.0, 0.3)
        model.to(dtype).save_pretrained(folder / name, max_shard_size="8KB" if name == "llama" else "1GB")
        # The logits of the rounded weights, computed in float32.
        expected = {"ids": IDS, "logits": logits(load(folder / name, dtype=torch.float32))}
        (folder / name / "generation_config.json").unlink(missing_ok=True)
        (folder / name / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    command, folder = sys.argv[1:]
    if command == "write":
        write(Path(folder))
    else:
        print(json.dumps(logits(load(folder, dtype=torch.float32))))
