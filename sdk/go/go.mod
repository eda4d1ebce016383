module postern-plugin

go 1.24
