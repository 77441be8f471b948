"""The built-in contract as pytest items, added by `--model-uri` where no test file is named."""
