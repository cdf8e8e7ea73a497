"""Visual-semantic embedding in small: pictures and captions meet in one space (hinge loss)."""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--num_epochs", type=int, default=40)
parser.add_argument("--val_step", type=int, default=2)
parser.add_argument("--batch_size", type=int, default=30)
parser.add_argument("--margin", type=float, default=0.2)
parser.add_argument("--seed", type=int, default=5)
opt = parser.parse_args([])
torch.manual_seed(opt.seed)


def make_pairs(n, mix_img, mix_cap):
    topic = torch.randn(n, 8)
    images = torch.tanh(topic @ mix_img) + 1.0 * torch.randn(n, 100)
    captions = torch.tanh(topic @ mix_cap) + 1.0 * torch.randn(n, 60)
    return images, captions


class VSE:
    def __init__(self, dim=32):
        self.img_enc = nn.Sequential(
            nn.Linear(100, 256),
            nn.BatchNorm1d(256),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(256, dim),
        )
        self.txt_enc = nn.Sequential(
            nn.Linear(60, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, dim)
        )
        params = list(self.img_enc.parameters()) + list(self.txt_enc.parameters())
        self.optimizer = torch.optim.Adam(params, lr=2e-3)
        self.Eiters = 0

    def train_start(self):
        self.img_enc.train()
        self.txt_enc.train()

    def val_start(self):
        self.img_enc.eval()
        self.txt_enc.eval()

    def embed(self, images, captions):
        return F.normalize(self.img_enc(images)), F.normalize(self.txt_enc(captions))

    def train_emb(self, images, captions):
        self.Eiters += 1
        img, cap = self.embed(images, captions)
        scores = img @ cap.t()
        diagonal = scores.diag().view(-1, 1)
        cost_s = (opt.margin + scores - diagonal).clamp(min=0)
        cost_im = (opt.margin + scores - diagonal.t()).clamp(min=0)
        off = 1 - torch.eye(len(scores))
        loss = ((cost_s + cost_im) * off).sum() / len(scores)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def validate(model, images, captions):
    model.val_start()
    with torch.no_grad():
        img, cap = model.embed(images, captions)
    ranks = (img @ cap.t()).argsort(1, descending=True)
    hits = (ranks[:, :5] == torch.arange(len(images)).view(-1, 1)).any(1)
    return hits.float().mean().item()


def train(model, train_pairs, val_pairs, epoch):
    images, captions = train_pairs
    model.train_start()
    for idx in torch.randperm(len(images)).split(opt.batch_size):
        loss = model.train_emb(images[idx], captions[idx])
        if model.Eiters % opt.val_step == 0:
            rsum = validate(model, *val_pairs)
            model.train_start()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1} loss {loss:.3f} recall@5 {rsum:.3f}")
    return rsum


def main():
    mix_img, mix_cap = torch.randn(8, 100), torch.randn(8, 60)
    train_pairs = make_pairs(240, mix_img, mix_cap)
    val_pairs = make_pairs(500, mix_img, mix_cap)
    model = VSE()
    recalls = [train(model, train_pairs, val_pairs, epoch) for epoch in range(opt.num_epochs)]
    print(f"best recall@5 {max(recalls):.3f}, last {recalls[-1]:.3f}")


main()
