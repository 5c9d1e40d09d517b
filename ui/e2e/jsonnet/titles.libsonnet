{ title: 'From a mixin' }
