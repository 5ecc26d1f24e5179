-- expect: values ["Rex says woof", "Generic says ..."]
local Animal = {}
Animal.__index = Animal
function Animal.new(name) return setmetatable({ name = name }, Animal) end
function Animal:sound() return "..." end
function Animal:speak() return self.name .. " says " .. self:sound() end
local Dog = setmetatable({}, { __index = Animal })
Dog.__index = Dog
function Dog:sound() return "woof" end
return setmetatable(Animal.new("Rex"), Dog):speak(), Animal.new("Generic"):speak()
