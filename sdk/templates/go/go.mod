module {{name}}

go 1.24

require postern-plugin v0.0.0

replace postern-plugin => ./sdk
