# ruff: noqa
# Batches are dictionaries, the model returns its own loss, the loader is wrapped.
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)


@dataclass
class Output:
    loss: torch.Tensor
    logits: torch.Tensor


class Sentences(Dataset):
    def __init__(self, start, count):
        made = torch.Generator().manual_seed(start)
        self.ids = torch.randint(1, 30, (count, 10), generator=made)

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, i):
        mask = torch.ones(10, dtype=torch.long)
        return {"input_ids": self.ids[i], "attention_mask": mask, "labels": self.ids[i].sum() % 2}


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 16)
        self.encoder = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Linear(16, 2)

    def forward(self, input_ids, attention_mask, labels=None):
        hidden = self.encoder(self.embed(input_ids), src_key_padding_mask=attention_mask == 0)
        logits = self.classifier(self.dropout(hidden[:, 0]))
        return Output(F.cross_entropy(logits, labels), logits)


class Shard:
    def __init__(self, loader):
        self.loader = loader

    def __iter__(self):
        for batch in self.loader:
            yield {key: value.to("cpu") for key, value in batch.items()}

    def __len__(self):
        return len(self.loader)


model = Classifier()
train_dataloader = Shard(DataLoader(Sentences(0, 96), batch_size=8, shuffle=True))
eval_dataloader = Shard(DataLoader(Sentences(1, 40), batch_size=8))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5)
total = 2 * len(train_dataloader) // 2
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / total))
for epoch in range(2):
    model.train()
    for step, inputs in enumerate(train_dataloader):
        loss = model(**inputs).loss / 2
        loss.backward()
        if step % 2 == 1:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            model.zero_grad()
    model.eval()
    right = 0
    for inputs in eval_dataloader:
        with torch.no_grad():
            right += (model(**inputs).logits.argmax(-1) == inputs["labels"]).sum().item()
    print({"eval_accuracy": right / 40})
