"""The demo: real conversion paths and a generated shop week, published as a backend would."""
