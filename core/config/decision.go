package config

// decision says what a change of a key means.
type decision struct {
	weakens rule
	counts  when
}

// decisions has one for every key, by the type that declares it: whoever adds a
// key decides here. Of a key that holds a table, or an array of them, it is about
// the table as a whole.
//
// A bound on what is taken at once is no security: a higher one weakens nothing.
var decisions = map[string]decision{
	"Config.ingress":    {added, atOnce},
	"Config.auth":       {added, atOnce},
	"Config.grants":     {added, atOnce},
	"Config.event_keys": {added, atOnce},
	"Config.transforms": {added, atOnce}, // it runs code
	"Config.channels":   {added, atOnce},
	"Config.peers":      {added, atOnce},
	"Config.routes":     {routed, atOnce},
	"Config.trace":      {neutral, atStart},

	"Trace.endpoint":         {heard, atStart},
	"Trace.sample":           {neutral, atStart},
	"Trace.headers":          {neutral, atStart},
	"Trace.tls":              {gone, atStart},
	"Trace.allow_plain_http": {switchedOn, atStart},

	"Data.dir": {another, atStart}, // where it is kept which keys were revoked, and what was accepted before

	"Ingress.name":             {neutral, atOnce},
	"Ingress.listen":           {reachesOut, atOnce},
	"Ingress.tls":              {gone, atOnce},
	"Ingress.behind":           {widens(prefixes), atOnce},
	"Ingress.allow_plain_http": {switchedOn, atOnce},
	"Ingress.curve":            {gone, atOnce},
	"Ingress.ipc_mode":         {leaves("0600"), whenMade},
	"Ingress.allow_plain_zmq":  {switchedOn, atOnce},
	"Ingress.max_body":         {neutral, atOnce},
	"Ingress.default_key_ids":  {neutral, atOnce}, // a sender could name them

	"TLS.cert":      {neutral, atOnce}, // the authority that its peers trust stays theirs
	"TLS.key":       {neutral, atOnce},
	"TLS.client_ca": {replaced, atOnce},
	"TLS.ca":        {replaced, atOnce},

	"Curve.secret":     {another, atOnce},
	"Curve.server_key": {another, atOnce},

	"Replies.listen":          {reachesOut, atStart}, // deliveries that are out name it
	"Replies.advertise":       {neutral, atOnce},
	"Replies.curve":           {gone, atOnce},
	"Replies.tls":             {gone, atOnce},
	"Replies.ipc_mode":        {leaves("0600"), whenMade},
	"Replies.allow_plain_zmq": {switchedOn, atOnce},

	"Admin.http":    {reachesOut, atStart},
	"Admin.tls":     {gone, atStart},
	"Admin.hosts":   {grows(same), atOnce},
	"Admin.tokens":  {added, atOnce},
	"Admin.clients": {added, atOnce},

	"AdminToken.name":   {neutral, atOnce},
	"AdminToken.secret": {another, atOnce},
	"AdminToken.role":   {climbs("read", "operate", "payload"), atOnce},

	"AdminClient.name": {neutral, atOnce},
	"AdminClient.role": {climbs("read", "operate", "payload"), atOnce},

	"Auth.name":               {neutral, atOnce},
	"Auth.kind":               {another, atOnce},
	"Auth.keys":               {added, atOnce}, // of a directory, its keys say it
	"Auth.issuers":            {grows(same), atOnce},
	"Auth.audiences":          {grows(same), atOnce},
	"Auth.algs":               {grows(same), atOnce},
	"Auth.usable_for":         {raised, atOnce},
	"Auth.max_token_lifetime": {raised, atOnce},

	"Grant.auth":    {another, atOnce},
	"Grant.sources": {grows(sources), atOnce},
	"Grant.types":   {grows(types), atOnce},
	"Grant.scopes":  {grows(same), atOnce},

	"Match.issuer":  {widens(same), atOnce},
	"Match.client":  {widens(same), atOnce},
	"Match.subject": {widens(same), atOnce},
	"Match.groups":  {widens(same), atOnce},
	"Match.when":    {replaced, atOnce},

	"EventKey.id":     {neutral, atOnce},
	"EventKey.source": {grows(sources), atOnce},
	"EventKey.state":  {admitted, atOnce},
	"EventKey.public": {another, atOnce},

	"Key.id":        {neutral, atOnce},
	"Key.principal": {another, atOnce},
	"Key.state":     {admitted, atOnce},
	"Key.secret":    {another, atOnce},
	"Key.public":    {another, atOnce},
	"Key.sources":   {grows(sources), atOnce},
	"Key.types":     {grows(types), atOnce},
	"Key.scopes":    {grows(same), atOnce},

	"Plugin.plugin":  {another, atOnce},
	"Plugin.path":    {another, atOnce},
	"Plugin.sha256":  {another, atOnce},
	"Plugin.command": {another, atOnce},
	"Plugin.config":  {another, atOnce}, // what it means the plugin alone knows
	"Plugin.env":     {another, atOnce}, // an interpreter may load more by it
	"Plugin.user":    {another, atOnce},

	"PluginLimits.memory":    {neutral, atOnce},
	"PluginLimits.files":     {neutral, atOnce},
	"PluginLimits.processes": {neutral, atOnce},
	"PluginLimits.cpu":       {neutral, atOnce},

	"Transform.name":           {neutral, atOnce},
	"Transform.kind":           {another, atOnce},
	"Transform.timeout":        {neutral, atOnce},
	"Transform.on_unavailable": {leaves("hold"), atOnce},

	"Channel.name":            {neutral, atOnce},
	"Channel.class":           {another, atOnce},
	"Channel.listen":          {reachesOut, atOnce},
	"Channel.connect":         {grows(same), atOnce},
	"Channel.curve":           {gone, atOnce},
	"Channel.tls":             {gone, atOnce},
	"Channel.ipc_mode":        {leaves("0600"), whenMade},
	"Channel.allow_plain_zmq": {switchedOn, atOnce},
	"Channel.prefetch":        {neutral, atOnce},
	"Channel.ack_timeout":     {neutral, atOnce},
	"Channel.max_hold":        {neutral, atOnce},
	"Channel.max_attempts":    {neutral, atOnce},
	"Channel.order_by":        {neutral, atOnce},
	"Channel.on_dead":         {neutral, atOnce},
	"Channel.max_pending":     {neutral, atOnce},
	"Channel.max_age":         {neutral, atOnce},
	"Channel.high_water_mark": {neutral, whenMade},
	"Channel.keep_original":   {switchedOn, atOnce},

	"Backoff.min": {neutral, atOnce},
	"Backoff.max": {neutral, atOnce},

	"Require.scopes":          {shrinks, atOnce},
	"Require.auth":            {widens(same), atOnce},
	"Require.event_signature": {switchedOff, atOnce},

	"Floor.transforms": {skips, atOnce},

	"Peer.name":     {neutral, atOnce},
	"Peer.curve":    {another, atOnce},
	"Peer.state":    {admitted, atOnce},
	"Peer.channels": {grows(same), atOnce},
	"Peer.ingress":  {grows(same), atOnce},
	"Peer.topics":   {grows(beginnings), atOnce},

	"Route.name":       {neutral, atOnce},
	"Route.type":       {selects(grows(types)), atOnce},
	"Route.source":     {selects(widens(sources)), atOnce},
	"Route.when":       {another, atOnce},
	"Route.auth":       {widens(same), atOnce},
	"Route.schema":     {replaced, atOnce},
	"Route.channels":   {selects(grows(same)), atOnce},
	"Route.transforms": {skips, atOnce},

	"Rate.per_principal": {faster, atOnce},
	"Rate.burst":         {burstier, atOnce},

	"Signing.key": {another, atOnce},

	"Journal.engine":      {neutral, atStart},
	"Journal.remember":    {lowered, atStart}, // what comes again later is taken again
	"Journal.max_ids":     {neutral, atStart},
	"Journal.capacity":    {neutral, atStart},
	"Journal.reserve":     {neutral, atStart},
	"Journal.keep_status": {neutral, atStart},

	"Limits.admission":          {faster, atOnce},
	"Limits.work_bytes":         {neutral, atOnce},
	"Limits.header_bytes":       {neutral, atOnce},
	"Limits.header_timeout":     {neutral, atOnce},
	"Limits.body_timeout":       {neutral, atOnce},
	"Limits.idle_timeout":       {neutral, atOnce},
	"Limits.connections":        {neutral, atOnce},
	"Limits.requests":           {neutral, atOnce},
	"Limits.streams":            {neutral, atOnce},
	"Limits.waiters":            {neutral, atStart},
	"Limits.batch":              {neutral, atOnce},
	"Limits.condition_cost":     {neutral, atOnce},
	"Limits.rates":              {neutral, atStart},
	"Limits.peers":              {neutral, atStart},
	"Limits.peers_per_address":  {neutral, atStart},
	"Limits.handshakes":         {neutral, atStart},
	"Limits.handshake_timeout":  {neutral, atStart},
	"Limits.frame_bytes":        {neutral, atStart},
	"Limits.message_bytes":      {neutral, atStart},
	"Limits.frames":             {neutral, atStart},
	"Limits.zmq_requests":       {neutral, atStart},
	"Limits.subscriptions":      {neutral, atStart},
	"Limits.subscription_bytes": {neutral, atStart},
	"Limits.write_timeout":      {neutral, atStart},
	"Limits.heartbeat":          {neutral, atStart},
	"Limits.heartbeat_timeout":  {neutral, atStart},
	"Limits.reconnect_min":      {neutral, atStart},
	"Limits.reconnect_max":      {neutral, atStart},
	"Limits.linger":             {neutral, atStart},
	"Limits.telemetry_ring":     {neutral, atStart},
	"Limits.drain":              {neutral, atOnce},

	"Audit.mode":       {climbs("required", "best_effort", "off"), atStart},
	"Audit.max_file":   {neutral, atStart},
	"Audit.retain":     {lowered, atStart},
	"Audit.checkpoint": {raised, atStart}, // so long the end can be cut off unseen
	"Audit.export":     {shrinks, atStart},
	"Audit.key":        {another, atStart},
	"Audit.origin":     {neutral, atStart},

	"Log.level":  {neutral, atStart},
	"Log.levels": {neutral, atOnce},
	"Log.format": {neutral, atStart},

	"Reload.watch": {neutral, atOnce},
}
