"""Trains one step with TRL's own trainers on every config of a dataset folder that they read; prints as JSON what they made of
the rows. Arguments: dataset folder, model folder."""

import json
import logging
import sys
import tempfile

import torch
from datasets import disable_progress_bars, load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

disable_progress_bars()
logging.disable(logging.WARNING)
folder, model_folder = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(model_folder)
once = dict(
    max_steps=1,
    per_device_train_batch_size=2,
    use_cpu=True,
    report_to=[],
    save_strategy="no",
    logging_steps=1,
    bf16=False,
    gradient_checkpointing=False,
    disable_tqdm=True,
)


def step(trainer_class, config_class, config, **more):
    with tempfile.TemporaryDirectory() as output:
        model = AutoModelForCausalLM.from_pretrained(model_folder)
        before = model.get_input_embeddings().weight.detach().clone()
        settings = more.pop("settings", {})
        trainer = trainer_class(
            model=model,
            args=config_class(output_dir=output, **once, **settings),
            train_dataset=load_dataset(folder, config, split="train"),
            processing_class=tokenizer,
            **more,
        )
        trainer.train()
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        rows = [trainer.train_dataset[i] for i in range(2)]
        kept = ("input_ids", "prompt_ids", "completion_ids", "chosen_ids", "rejected_ids", "completion_mask", "labels")
        return {
            "loss": losses[0],
            "moved": not torch.equal(before, trainer.model.get_input_embeddings().weight),
            "rows": [{name: row[name] for name in kept if name in row} for row in rows],
        }


seen = []


def reward(completions, solution, answer, **_):
    seen.append([solution[0], answer[0]])
    return [float(len(completion[0]["content"])) for completion in completions]


found = {
    "sft_text": step(SFTTrainer, SFTConfig, "sft_text"),
    "sft": step(SFTTrainer, SFTConfig, "sft"),
    "dpo_full": step(DPOTrainer, DPOConfig, "dpo_full"),
    "dpo_branch": step(DPOTrainer, DPOConfig, "dpo_branch"),
    "dpo_branch_text": step(DPOTrainer, DPOConfig, "dpo_branch_text"),
    "kto": step(KTOTrainer, KTOConfig, "kto"),
    "grpo": step(
        GRPOTrainer,
        GRPOConfig,
        "grpo",
        reward_funcs=reward,
        settings=dict(num_generations=2, max_completion_length=8, temperature=1.0),
    ),
}
found["grpo"]["rewarded"] = seen[0]
print("RESULT" + json.dumps(found))
