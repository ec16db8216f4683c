"""Paper 1, Table 4 and Figure 3: how many labels are enough."""
