"""The maps room owns no tenant's rows: street maps are public data, shared by all."""

from tests.api.isolation import Owned

OWNED: tuple[Owned, ...] = ()
OWNS_NOTHING = {"maps.Maps": "street maps are public data that all tenants share; none says who uses it"}
