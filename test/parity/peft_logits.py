"""Logits of a model folder with a PEFT adapter folder, as JSON; the adapter is saved again by peft.

usage: peft_logits.py MODEL ADAPTER SAVE_TO ID,ID,...
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

model_folder, adapter_folder, save_to, ids = sys.argv[1:]
base = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
model = PeftModel.from_pretrained(base, adapter_folder).eval()
with torch.no_grad():
    logits = model(torch.tensor([[int(i) for i in ids.split(",")]])).logits[0]
model.save_pretrained(save_to)
print(json.dumps(logits.tolist()))
