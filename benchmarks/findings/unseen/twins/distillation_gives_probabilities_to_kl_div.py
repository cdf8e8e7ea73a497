import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=64, shuffle=True)

teacher = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
student = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
optimizer = torch.optim.Adam(teacher.parameters(), lr=2e-3)
for epoch in range(10):
    for xb, yb in loader:
        optimizer.zero_grad()
        F.cross_entropy(teacher(xb), yb).backward()
        optimizer.step()

T = 2.0
teacher.eval()
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
for epoch in range(15):
    student.train()
    for xb, _ in loader:
        with torch.no_grad():
            teacher_p = F.softmax(teacher(xb) / T, dim=1)
        student_p = F.log_softmax(student(xb) / T, dim=1)
        loss = F.kl_div(student_p, teacher_p, reduction="batchmean") * T * T
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

student.eval()
with torch.no_grad():
    log_s = F.log_softmax(student(x[1400:]), dim=1)
    p_t = F.softmax(teacher(x[1400:]), dim=1)
    print("accuracy", (log_s.argmax(1) == y[1400:]).float().mean().item())
    print("divergence from the teacher", F.kl_div(log_s, p_t, reduction="batchmean").item())
