package sdk

// Distance is the measure of Nearest.
var Distance = distance
