import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms import functional as TF


class Blobs(Dataset):
    def __init__(self, n, seed, train):
        g = torch.Generator().manual_seed(seed)
        grid = torch.arange(20).float()
        self.masks = torch.zeros(n, 1, 20, 20)
        for i in range(n):
            cx, cy = (5 + 10 * torch.rand(2, generator=g)).tolist()
            radius = 3 + 2 * torch.rand(1, generator=g).item()
            inside = (grid[None] - cx) ** 2 + (grid[:, None] - cy) ** 2 < radius**2
            self.masks[i, 0] = inside.float()
        self.pictures = self.masks + 0.5 * torch.randn(self.masks.shape, generator=g)
        self.train = train

    def __len__(self):
        return len(self.masks)

    def __getitem__(self, i):
        picture, mask = self.pictures[i], self.masks[i]
        if not self.train:
            return TF.center_crop(picture, 14), TF.center_crop(mask, 14)
        crop = transforms.RandomCrop.get_params(picture, (14, 14))
        picture = TF.crop(picture, *crop)
        return picture, TF.crop(mask, *crop)


def dice(prediction, mask):
    return (2 * (prediction * mask).sum() / (prediction.sum() + mask.sum() + 1e-6)).item()


torch.manual_seed(0)
train_loader = DataLoader(Blobs(300, 1, True), batch_size=20, shuffle=True)
val_pictures, val_masks = next(iter(DataLoader(Blobs(100, 2, False), batch_size=100)))
net = nn.Sequential(
    nn.Conv2d(1, 8, 5, padding=2),
    nn.ReLU(),
    nn.Conv2d(8, 8, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(8, 1, 1),
)
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(6):
    net.train()
    for picture, mask in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(net(picture), mask)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        overlap = dice((net(val_pictures) > 0).float(), val_masks)
    print(f"epoch {epoch}: loss {loss.item():.3f} dice {overlap:.3f}")
