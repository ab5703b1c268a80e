using CloudTab.Relay;
using CloudTab.ServiceDefaults;

namespace CloudTab.UploadApi;

/// <summary>
/// A form sent from the page: name and files in one request, so the session is opened at the first file. Disposing it removes what was
/// not stored, the session included.
/// </summary>
internal sealed class PageUpload(
    Sessions sessions, Shops shops, UploadingFiles uploadingFiles, CreationRateLimit rateLimit, FormUpload files, TimeProvider clock, ILogger<PageUpload> logger) : IAsyncDisposable
{
    private static readonly TimeSpan CleanUpLimit = TimeSpan.FromSeconds(10);

    private OpenedSession? _unfinished;

    /// <summary>The fields of the form that have been read.</summary>
    public IReadOnlyDictionary<string, string> Texts { get; private set; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>The customer's id of the session that was opened for the files.</summary>
    public string? SessionId { get; private set; }

    /// <summary>Receives the form, and submits the session.</summary>
    /// <returns>Why not, or null.</returns>
    public Task<Problem?> ReceiveAsync(string shop, HttpRequest request, string nameField, CancellationToken cancellationToken) =>
        ReceiveAsync(shop, session: null, request, nameField, cancellationToken);

    /// <summary>Receives a form that adds to a session.</summary>
    /// <returns>Why not, or null.</returns>
    public async Task<Problem?> AddAsync(RequestedSession requested, HttpRequest request, string nameField, CancellationToken cancellationToken)
    {
        if (await uploadingFiles.FindSessionAsync(requested.Shop.Id, requested.Id, cancellationToken) is not { } session)
            return Problems.SessionNotFound;
        return session.Closed ? Problems.SessionClosed : await ReceiveAsync(requested.Shop.Id, session, request, nameField, cancellationToken);
    }

    private async Task<Problem?> ReceiveAsync(
        string shop, UploadSession? session, HttpRequest request, string nameField, CancellationToken cancellationToken)
    {
        if (MultipartForm.Open(request, [nameField, .. FormOptions.Flat]) is not { } form)
            return Problems.NotMultipart;
        Texts = form.Texts;
        while (true)
        {
            var (file, refused) = await form.NextFileAsync(cancellationToken);
            if (refused is not null)
                return refused;
            if (!DisplayName.TryClean(form.Texts.GetValueOrDefault(nameField), out var customerName))
                return Problems.NameTooLong;
            if (file is null)
                return session is null ? Problems.NoFiles : FormOptions.RefusalOf(form) is { } late ? late : await FinishAsync(session, cancellationToken);
            if (session is null)
            {
                (_unfinished, var closed) = await SessionEndpoints.OpenAsync(shop, customerName, printOptions: null, sessions, shops, rateLimit, cancellationToken);
                if (_unfinished is null)
                    return closed;
                session = await uploadingFiles.FindSessionAsync(shop, _unfinished.SessionId, cancellationToken);
                if (session is null)
                    return Problems.SessionNotFound;
            }

            (var options, refused) = FormOptions.Of(form, session);
            if (refused is not null)
                return refused;
            refused = await files.AddAsync(session, file, options, ClientNetwork.Of(request.HttpContext), request.ContentLength, cancellationToken);
            if (refused is not null)
                return refused;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await files.DisposeAsync();
        if (_unfinished is not { } session)
            return;
        _unfinished = null;
        using var limit = clock.Limit(CleanUpLimit);
        try
        {
            await sessions.ForgetAsync(session.Id, limit.Token);
        }
        catch (Exception outage) when (Outage.Is(outage) || outage is OperationCanceledException)
        {
            logger.SessionNotForgotten(outage);
        }
    }

    private async Task<Problem?> FinishAsync(UploadSession session, CancellationToken cancellationToken)
    {
        if (await files.StoreAsync(session, cancellationToken) is { } refused)
            return refused;
        SessionId = _unfinished?.SessionId;
        _unfinished = null;
        return null;
    }
}
