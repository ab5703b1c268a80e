using CloudTab.Janitor;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();

builder.AddDatabase();
builder.AddObjectStore();
builder.AddRelay();

builder.Services.AddSettings<JanitorOptions>();
builder.Services.AddSingleton<Telemetry>();

builder.Services.AddDuty<ExpireSessions>("expire_sessions", options => options.Interval, duty => duty.RunOnceAsync);
builder.Services.AddDuty<LapseClaims>("lapse_claims", options => options.Interval, duty => duty.RunOnceAsync);
builder.Services.AddDuty<ExpireFiles>("expire_files", options => options.Interval, duty => duty.RunOnceAsync);
builder.Services.AddDuty<AbandonUploads>("abandon_uploads", options => options.Interval, duty => duty.RunOnceAsync);
builder.Services.AddDuty<ExpireUploads>("expire_uploads", options => options.Interval, duty => duty.RunOnceAsync);
builder.Services.AddDuty<RemoveFiles>("remove_files", options => options.Interval, duty => duty.RunOnceAsync);
builder.Services.AddDuty<AbortUploads>("abort_uploads", options => options.ListingInterval, duty => duty.RunOnceAsync);
builder.Services.AddDuty<SweepOrphans>("sweep_orphans", options => options.ListingInterval, duty => duty.RunOnceAsync);
builder.Services.AddDuty<Purge>("purge", options => options.ListingInterval, duty => duty.RunOnceAsync);
builder.Services.AddDuty<MeasureBacklog>("measure_backlog", options => options.Interval, duty => duty.RunOnceAsync);

var app = builder.Build();
app.UseServiceDefaults();
return await app.RunOrExplainAsync();
