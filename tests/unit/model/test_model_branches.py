"""What the image branch makes of a product's photos."""

from __future__ import annotations

import torch
from torch import Tensor

from leastpack.model.branches import ImageBranch

PHOTO, VIEW = 5, 4


def branch() -> ImageBranch:
    torch.manual_seed(7)
    made = ImageBranch(PHOTO, VIEW)
    with torch.no_grad():
        made.absent.copy_(torch.linspace(-1.0, 1.0, 2 * VIEW))
    return made


def pooled(made: ImageBranch, *photos: Tensor) -> Tensor:
    """The (2 * VIEW,) vector of one product, beside another one with more views, so that its own are padded."""
    images, mask = torch.zeros(2, 4, PHOTO), torch.zeros(2, 4, dtype=torch.bool)
    mask[1] = True
    for view, photo in enumerate(photos):
        images[0, view], mask[0, view] = photo, True
    return made(images, mask)[0][0]


def test_views_are_pooled_by_mean_and_by_maximum() -> None:
    made = branch()
    photos = torch.randn(3, PHOTO, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        alone = torch.stack([pooled(made, photo)[:VIEW] for photo in photos])
        one, three = pooled(made, photos[0]), pooled(made, *photos)
    assert (alone < 0).any(), "padding must not count as 0, which would be the highest"
    torch.testing.assert_close(one, torch.cat([alone[0], alone[0]]))
    torch.testing.assert_close(three, torch.cat([alone.mean(dim=0), alone.amax(dim=0)]))
    assert not torch.allclose(three[:VIEW], three[VIEW:])


def test_a_product_without_photos_has_the_learnt_vector_and_others_have_nothing_of_it() -> None:
    made = branch()
    images = torch.randn(2, 2, PHOTO, generator=torch.Generator().manual_seed(2))
    mask = torch.tensor([[True, True], [False, False]])
    vectors, present = made(images, mask)
    assert present.tolist() == [True, False]
    torch.testing.assert_close(vectors[1], made.absent)
    vectors[0].sum().backward(retain_graph=True)
    assert made.absent.grad is None or not made.absent.grad.any()
    vectors[1].sum().backward()
    torch.testing.assert_close(made.absent.grad, torch.ones(2 * VIEW))
