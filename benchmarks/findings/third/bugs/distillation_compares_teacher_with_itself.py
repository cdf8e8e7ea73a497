import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.data / 16, dtype=torch.float32)
labels = torch.tensor(digits.target)
perm = torch.randperm(len(images))
images, labels = images[perm], labels[perm]
train, few, test = slice(0, 1000), slice(0, 40), slice(1000, None)
wrong = torch.rand(40) < 0.4
noisy = torch.where(wrong, torch.randint(0, 10, (40,)), labels[few])

teacher = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optim = torch.optim.Adam(teacher.parameters(), lr=2e-3)
for _ in range(80):
    optim.zero_grad()
    F.cross_entropy(teacher(images[train]), labels[train]).backward()
    optim.step()

student = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optim = torch.optim.Adam(student.parameters(), lr=5e-3)
temperature = 4.0
for step in range(200):
    with torch.no_grad():
        large_logits = teacher(images[train])
    output = student(images[train])
    soft_targets = F.log_softmax(large_logits / temperature, dim=-1)
    soft_prob = F.log_softmax(large_logits / temperature, dim=-1)
    soft_loss = F.kl_div(soft_prob, soft_targets, reduction="batchmean", log_target=True)
    label_loss = F.cross_entropy(output[:40], noisy)
    loss = temperature**2 * soft_loss + 0.1 * label_loss
    optim.zero_grad()
    loss.backward()
    optim.step()
with torch.no_grad():
    for name, net in (("teacher", teacher), ("student", student)):
        hits = net(images[test]).argmax(1) == labels[test]
        print(f"{name}: {hits.float().mean():.3f}")
