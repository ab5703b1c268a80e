using System.Text.Json.Serialization;
using CloudTab.Pages;
using CloudTab.Relay;
using CloudTab.ServiceDefaults;
using Microsoft.AspNetCore.Mvc.ApiExplorer;

namespace CloudTab.UploadApi;

/// <summary>What the UploadApi is made of, for a host that has the defaults, the database, the object store and the relay.</summary>
public static class UploadApiModule
{
    /// <summary>The program that reads PDFs, which the host starts as a process of its own: its Main calls this first.</summary>
    /// <returns>The exit code; null if the arguments do not name that program.</returns>
    public static int? RunPdfProgram(string[] args) => args is [PdfProgram.Verb, var limit] ? PdfProgram.Run(limit) : null;

    public static void AddUploadApi(this WebApplicationBuilder builder)
    {
        builder.UseLargeSocketBlocks();
        builder.LimitReadAhead();
        // In one call: a second one would replace the first.
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(endpoint => endpoint.UseEofAfterData().UseInterimResponses()));

        builder.Services.AddSettings<UploadOptions>();
        builder.Services.AddSettings<PdfOptions>();
        builder.Services.AddSettings<ScanOptions>();
        builder.Services.AddSettings<DirectOptions>();
        builder.Services.AddSettings<WatchOptions>();
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, JsonContext.Default);
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict; // "1000" is a field of the wrong type
        });
        builder.Services.AddOpenApi(CustomerDocument.Name, CustomerDocument.Describe);
        builder.Services.AddSingleton<IApiDescriptionProvider, DocumentedProtocols>();
        builder.Services.AddPages();
        builder.Services.AddSingleton<CreationRateLimit>();
        builder.Services.AddSingleton<ByteRateLimit>();
        builder.Services.AddSingleton<StoredSize>();
        builder.Services.AddHostedService(services => services.GetRequiredService<StoredSize>());

        builder.Services.AddSingleton<Telemetry>();
        builder.Services.AddSingleton<InspectionPlaces>();
        builder.Services.AddSingleton<FileTypes>();
        builder.Services.AddSingleton<PdfPages>();
        builder.Services.AddSingleton<VirusScan>();
        builder.Services.AddHealthChecks().AddCheck<VirusScan>("clamd");
        builder.Services.AddSingleton<FileLeases>();
        builder.Services.AddHostedService(services => services.GetRequiredService<FileLeases>());
        builder.Services.AddScoped<FormUpload>();
        builder.Services.AddScoped<PageUpload>();
        builder.Services.AddSingleton<UploadLocks>();
        builder.Services.AddHostedService(services => services.GetRequiredService<UploadLocks>());
        builder.Services.AddSingleton<FinishFile>();
        builder.Services.AddSingleton<CompleteUpload>();
        builder.Services.AddSingleton<ReceiveBytes>();
        builder.Services.AddSingleton<CreateUpload>();
        builder.Services.AddSingleton<FindUpload>();
        builder.Services.AddSingleton<AppendToUpload>();
        builder.Services.AddSingleton<ConcatenateUploads>();
        builder.Services.AddSingleton<TerminateUpload>();
        builder.Services.AddSingleton<DirectParts>();
        builder.Services.AddSingleton<CreateDirectUpload>();
        builder.Services.AddSingleton<FinishDirectUpload>();
        builder.Services.AddSingleton<CustomerViews>();
        builder.Services.AddSingleton<SessionStreams>();
        builder.Services.AddHostedService(services => services.GetRequiredService<SessionStreams>());
        builder.Services.AddSingleton<MatcherPolicy, UploadProtocolPolicy>();
        builder.Services.AddSingleton<IetfLimits>();
        builder.Services.AddSingleton<IetfAnswers>();
    }

    public static void MapUploadApi(this WebApplication app)
    {
        app.UsePages();
        app.UseMethodOverride();
        app.UseRouting();

        var customers = app.MapGroup("").WithGroupName(CustomerDocument.Name);
        customers.MapReceiptPages();
        customers.MapGroup("/api/customer").MapSessions().MapEvents().MapReceipts().MapFiles().MapUploads();
        customers.MapGroup("/s/{shop}/api/customer").ExcludeFromDescription().MapSessions().MapEvents().MapReceipts().MapFiles().MapUploads();
        customers.MapPages();
        app.MapAssets();
        app.MapDocuments();
    }
}
