-- expect: harmless
return { _repr_html_ = "<script>alert(1)</script>", _ipython_display_ = "x", _repr_mimebundle_ = print, __class__ = "x", __repr__ = "y" }
