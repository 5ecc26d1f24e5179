-- expect: error ~ "attack.lua:1"
-- repeat: 1
é = ‮1 <script>
