"""Do two pictures show the same digit? A twin network with the cosine embedding loss."""

import torch
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.data, dtype=torch.float32) / 16
targets = torch.tensor(digits.target)


class PairDataset(Dataset):
    """Half of the pairs belong together."""

    def __init__(self, start, stop, count, seed):
        generator = torch.Generator().manual_seed(seed)
        self.pairs = []
        for _ in range(count):
            first = torch.randint(start, stop, (1,), generator=generator).item()
            alike = torch.rand(1, generator=generator).item() < 0.5
            matching = targets[start:stop] == targets[first]
            choice = (matching if alike else ~matching).nonzero().squeeze(1) + start
            pick = torch.randint(len(choice), (1,), generator=generator).item()
            self.pairs.append((first, choice[pick].item()))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        first, second = self.pairs[index]
        same = 1.0 if targets[first] == targets[second] else -1.0
        return images[first], images[second], same


encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
criterion = nn.CosineEmbeddingLoss(margin=0.2)
optimizer = torch.optim.Adam(encoder.parameters(), lr=2e-3)
train_loader = DataLoader(PairDataset(0, 1300, 3000, seed=1), batch_size=60, shuffle=True)
test_loader = DataLoader(PairDataset(1300, 1797, 800, seed=2), batch_size=100)

for epoch in range(12):
    encoder.train()
    for left, right, same in train_loader:
        optimizer.zero_grad()
        loss = criterion(encoder(left), encoder(right), same)
        loss.backward()
        optimizer.step()

encoder.eval()
likeness, truth = [], []
with torch.no_grad():
    for left, right, same in test_loader:
        likeness.append(torch.cosine_similarity(encoder(left), encoder(right)))
        truth.append(same > 0)
likeness, truth = torch.cat(likeness), torch.cat(truth)
print(f"last loss {loss.item():.4f}")
print(f"mean cosine: same {likeness[truth].mean():.3f}, different {likeness[~truth].mean():.3f}")
print(f"AUC {roc_auc_score(truth.numpy(), likeness.numpy()):.3f}")
