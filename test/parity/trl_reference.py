"""GRPO and DPO losses as TRL's own trainers compute them. Needs torch and trl (CPU is enough).

  python trl_reference.py > ../fixtures/trl/losses.json

TRL's `_compute_loss` is called itself, on a stand-in trainer that has only what the method reads and on a stand-in model
whose logits are the tensors printed here; log-probabilities and entropies come from TRL's own functions.
"""

import json
from collections import defaultdict
from types import SimpleNamespace

import torch
import trl
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.grpo_trainer import GRPOTrainer, nanstd
from trl.trainer.utils import entropy_from_logits, selective_log_softmax

EPSILON = 1e-4  # TRL adds it to a group's deviation; Fulcrum adds nothing.


class Accelerator(SimpleNamespace):
    device = "cpu"
    num_processes = 1
    sync_gradients = True

    def gather(self, x):
        return x

    gather_for_metrics = gather

    def reduce(self, x, reduction):
        return x


def trainer(**attributes):
    stand_in = dict(
        accelerator=Accelerator(),
        model=SimpleNamespace(training=False),
        aux_loss_enabled=False,
        _metrics={"eval": defaultdict(list)},
        _total_train_tokens=0,
    )
    return SimpleNamespace(**stand_in | attributes)


def rounded(tensor):
    return [round(x, 9) for x in tensor.detach().double().flatten().tolist()]


def grpo(loss_type, seed, beta, entropy, clip):
    """Responses of unequal length, ratios on both sides of the clip."""
    torch.manual_seed(seed)
    responses, tokens, vocabulary, prompt = 6, 5, 7, 2
    logits = (torch.randn(responses, tokens, vocabulary) * 1.5).requires_grad_()
    completions = torch.randint(0, vocabulary, (responses, tokens))
    lengths = torch.tensor([5, 3, 1, 4, 2, 5])
    mask = (torch.arange(tokens)[None] < lengths[:, None]).long()
    now = selective_log_softmax(logits, completions)
    old = (now + torch.randn_like(now) * 0.3).detach()
    reference = (now + torch.randn_like(now) * 0.5).detach()
    advantages = torch.randn(responses)

    def logps(*_, **__):
        return selective_log_softmax(logits, completions), entropy_from_logits(logits), None

    stand_in = trainer(
        _get_per_token_logps_and_entropies=logps,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        beta=beta,
        loss_type=loss_type,
        epsilon_low=clip[0],
        epsilon_high=clip[1],
        args=SimpleNamespace(use_bias_correction_kl=False, delta=None),
        use_vllm=False,
        current_gradient_accumulation_steps=1,
        _entropy_bonus_enabled=entropy != 0,
        use_adaptive_entropy=False,
        entropy_coef=entropy,
    )
    inputs = dict(
        prompt_ids=torch.zeros(responses, prompt, dtype=torch.long),
        prompt_mask=torch.ones(responses, prompt, dtype=torch.long),
        completion_ids=completions,
        completion_mask=mask,
        advantages=advantages,
        old_per_token_logps=old,
        ref_per_token_logps=reference,
    )
    loss = GRPOTrainer._compute_loss(stand_in, None, inputs)
    loss.backward()
    metrics = stand_in._metrics["eval"]
    return dict(
        loss_type=loss_type,
        kl_weight=beta,
        entropy_weight=entropy,
        clip_low=clip[0],
        clip_high=clip[1],
        shape=[responses, tokens, vocabulary],
        logits=rounded(logits),
        completions=completions.flatten().tolist(),
        lengths=lengths.tolist(),
        old=rounded(old),
        reference=rounded(reference),
        advantages=rounded(advantages),
        loss=loss.item(),
        gradient=rounded(logits.grad),
        entropy=metrics["entropy"][0],
        clipped=metrics["clip_ratio/region_mean"][0],
    )


def dpo(seed, beta):
    """Chosen and rejected sides of unequal length, and of one token."""
    torch.manual_seed(seed)
    pairs, tokens, vocabulary = 4, 5, 7
    logits = (torch.randn(2 * pairs, tokens, vocabulary) * 1.5).requires_grad_()
    ids = torch.randint(0, vocabulary, (2 * pairs, tokens + 1))
    lengths = torch.tensor([5, 3, 1, 4, 2, 5, 1, 3])
    mask = torch.cat([torch.zeros(2 * pairs, 1), (torch.arange(tokens)[None] < lengths[:, None]).float()], 1).long()

    def model(**_):
        logps = selective_log_softmax(logits, ids[:, 1:]) * mask[:, 1:]
        shown = dict(entropy=entropy_from_logits(logits), mean_logits=logits.mean(-1), is_top1=logits.argmax(-1) == 0)
        return SimpleNamespace(log_probs=logps, **{k: v.detach() for k, v in shown.items()})

    references = torch.randn(2 * pairs) * 2 - 6
    stand_in = trainer(
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=["sigmoid"],
        loss_weights=[1.0],
        beta=beta,
        use_weighting=False,
    )
    inputs = dict(
        input_ids=ids,
        completion_mask=mask,
        ref_chosen_logps=references[:pairs],
        ref_rejected_logps=references[pairs:],
    )
    loss = DPOTrainer._compute_loss(stand_in, model, inputs, return_outputs=False)
    loss.backward()
    return dict(
        beta=beta,
        shape=[2 * pairs, tokens, vocabulary],
        logits=rounded(logits),
        targets=ids[:, 1:].flatten().tolist(),
        lengths=lengths.tolist(),
        references=rounded(references),
        loss=loss.item(),
        gradient=rounded(logits.grad),
        margin=stand_in._metrics["eval"]["rewards/margins"][0],
    )


def group(rewards):
    """Advantages of one group as GRPOTrainer scales them; its nanstd is the sample's deviation."""
    values = torch.tensor(rewards, dtype=torch.float64)
    deviation = nanstd(values)
    advantages = (values - values.mean()) / (deviation + EPSILON)
    return dict(rewards=rewards, epsilon=EPSILON, deviation=deviation.item(), advantages=rounded(advantages))


if __name__ == "__main__":
    losses = dict(
        trl=trl.__version__,
        grpo=[
            grpo("grpo", 1, beta=0.04, entropy=0.0, clip=(0.2, 0.2)),
            grpo("grpo", 2, beta=0.001, entropy=0.001, clip=(0.2, 0.28)),
            grpo("bnpo", 3, beta=0.1, entropy=0.05, clip=(0.1, 0.3)),
        ],
        dpo=[dpo(4, beta=0.1), dpo(5, beta=0.5)],
        groups=[group([1, -0.5, 1, -0.5]), group([0.615, 0.615, 0.308, -0.308, -0.308, -0.308, -0.615, -0.615])],
    )
    print(json.dumps(losses))
