"""Find automated harness traffic riding on human LLM subscription accounts."""
