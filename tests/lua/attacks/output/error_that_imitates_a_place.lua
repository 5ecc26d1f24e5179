-- expect: error ~ "setup.lua:1"
error("setup.lua:1: /etc/passwd:7: In[1]:99999999999999999999: spoof", 0)
