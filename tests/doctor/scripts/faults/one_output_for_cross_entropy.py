#!/usr/bin/env python
# coding: utf-8

# # Titanic-like tabular data with entity embeddings

# In[1]:


import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import Dataset, DataLoader

rng = np.random.RandomState(0)
torch.manual_seed(0)

# In[2]:


N = 1000
pclass = rng.randint(0, 3, N)
sex = rng.randint(0, 2, N)
embarked = rng.randint(0, 4, N)
age = rng.gamma(5, 6, N)
fare = np.exp(rng.randn(N) + 3 - pclass)
logit = 2.2 * sex - 0.9 * pclass - 0.02 * age + 0.3 * np.log1p(fare)
survived = (rng.rand(N) < 1 / (1 + np.exp(-logit + 0.5))).astype(np.float32)

cats = np.stack([pclass, sex, embarked], 1).astype(np.int64)
conts = np.stack([age, fare], 1).astype(np.float32)

# In[3]:


idx = rng.permutation(N)
trn, val = idx[:800], idx[800:]
mean, std = conts[trn].mean(0), conts[trn].std(0)
conts = (conts - mean) / std


class ColumnarDataset(Dataset):
    def __init__(self, cats, conts, y):
        self.cats = cats
        self.conts = conts
        self.y = y

    def __len__(self):
        return len(self.y)

    def __getitem__(self, idx):
        return [self.cats[idx], self.conts[idx], self.y[idx]]


trn_dl = DataLoader(
    ColumnarDataset(cats[trn], conts[trn], survived[trn]), batch_size=32, shuffle=True
)
val_dl = DataLoader(
    ColumnarDataset(cats[val], conts[val], survived[val]), batch_size=64
)

# In[4]:


class MixedInputModel(nn.Module):
    def __init__(self, emb_szs, n_cont, out_sz=1):
        super().__init__()
        self.embs = nn.ModuleList([nn.Embedding(c, s) for c, s in emb_szs])
        self.bn = nn.BatchNorm1d(n_cont)
        n_emb = sum(e.embedding_dim for e in self.embs)
        self.lin = nn.Linear(n_emb + n_cont, 32)
        self.outp = nn.Linear(32, out_sz)
        self.drop = nn.Dropout(0.1)

    def forward(self, x_cat, x_cont):
        x = [e(x_cat[:, i]) for i, e in enumerate(self.embs)]
        x = torch.cat(x + [self.bn(x_cont)], 1)
        x = self.drop(F.relu(self.lin(x)))
        return self.outp(x)


model = MixedInputModel([(3, 2), (2, 2), (4, 2)], 2)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()

# In[5]:


for epoch in range(2):
    model.train()
    tot = 0
    for cat, cont, y in trn_dl:
        optimizer.zero_grad()
        y_hat = model(cat, cont)
        loss = criterion(y_hat, y.unsqueeze(1))  # P5
        loss.backward()
        optimizer.step()
        tot += loss.item()
    model.eval()
    acc = 0
    with torch.no_grad():
        for cat, cont, y in val_dl:
            acc += ((model(cat, cont).squeeze() > 0) == y.bool()).sum().item()
    print("epoch", epoch, "loss", tot / len(trn_dl), "val_acc", acc / len(val))
