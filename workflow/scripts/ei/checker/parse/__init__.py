"""From the text of an answer to its shape: values, lists, intervals, equations."""
