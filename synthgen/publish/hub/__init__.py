"""Publishing on the Hugging Face Hub, and getting published data back.

    synthgen push DIR ORG/NAME                    # Parquet, staged in a pull request; merged whole or not at all
    synthgen pull ORG/NAME DIR --revision TAG     # every hash verified, then checked
    synthgen check DIR --remote ORG/NAME          # what is published is what is here, without a download
    synthgen push collection.toml ORG             # which repositories belong together; `pull ORG/SLUG FILE.toml`
    synthgen push DIR ORG/NAME                    # where DIR is of `synthgen space`: a static Space

This package alone talks to the Hub, but for `synthgen.mixture.text.fetching`, which gets real text of mixtures; both
only through the client `huggingface_hub`, whose own sources give the token (the environment, or `hf auth login`): it is
never an argument, and never written anywhere.
"""

from synthgen.publish.hub.collections import Collected, pull_collection, push_collection
from synthgen.publish.hub.compare import check_remote
from synthgen.publish.hub.pull import pull
from synthgen.publish.hub.push import push
from synthgen.publish.hub.sending import Pushed
from synthgen.publish.hub.spaces import push_space

__all__ = ["Collected", "Pushed", "check_remote", "pull", "pull_collection", "push", "push_collection", "push_space"]
