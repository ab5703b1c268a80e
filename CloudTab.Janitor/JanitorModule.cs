using CloudTab.ServiceDefaults;

namespace CloudTab.Janitor;

/// <summary>The Janitor's duties, for a host that has the defaults, the database, the object store and the relay.</summary>
public static class JanitorModule
{
    public static void AddJanitor(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSettings<JanitorOptions>();
        builder.Services.AddSingleton<Telemetry>();

        builder.Services.AddDuty<MarkDue>("expire_sessions", options => options.Interval, due => due.ExpireSessionsAsync);
        builder.Services.AddDuty<MarkDue>("lapse_claims", options => options.Interval, due => due.LapseClaimsAsync);
        builder.Services.AddDuty<MarkDue>("expire_files", options => options.Interval, due => due.ExpireFilesAsync);
        builder.Services.AddDuty<MarkDue>("abandon_uploads", options => options.Interval, due => due.AbandonUploadsAsync);
        builder.Services.AddDuty<MarkDue>("expire_uploads", options => options.Interval, due => due.ExpireUploadsAsync);
        builder.Services.AddDuty<TidyUploads>("tidy_uploads", options => options.Interval, duty => duty.RunOnceAsync);
        builder.Services.AddDuty<RemoveFiles>("remove_files", options => options.Interval, duty => duty.RunOnceAsync);
        builder.Services.AddDuty<IssueReceipts>("issue_receipts", options => options.Interval, duty => duty.RunOnceAsync);
        builder.Services.AddDuty<AbortUploads>("abort_uploads", options => options.ListingInterval, duty => duty.RunOnceAsync);
        builder.Services.AddDuty<SweepOrphans>("sweep_orphans", options => options.ListingInterval, duty => duty.RunOnceAsync);
        builder.Services.AddDuty<Purge>("purge", options => options.Interval, duty => duty.RunOnceAsync);
        builder.Services.AddDuty<MeasureBacklog>("measure_backlog", options => options.Interval, duty => duty.RunOnceAsync);
    }
}
