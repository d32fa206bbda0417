package trust

// Meet tells that there is something which both patterns match.
var Meet = meet
