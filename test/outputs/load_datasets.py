"""Loads every config of dataset folders with Hugging Face datasets, as a user would, and prints rows and features as JSON."""

import json
import sys

from datasets import disable_progress_bars, get_dataset_config_names, load_dataset

disable_progress_bars()
found = {}
for folder in sys.argv[1:]:
    found[folder] = {}
    for config in get_dataset_config_names(folder):
        dataset = load_dataset(folder, config)
        train = dataset["train"]
        found[folder][config] = {
            "splits": list(dataset),
            "rows": train.num_rows,
            "features": {name: str(feature) for name, feature in train.features.items()},
            "first": train[0],
        }
print(json.dumps(found))
