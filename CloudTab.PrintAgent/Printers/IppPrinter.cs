namespace CloudTab.PrintAgent;

/// <summary>A printer that speaks IPP, or a queue of CUPS. Every method throws what <see cref="IppConnection.SendAsync"/> does.</summary>
internal sealed class IppPrinter(PrinterAddress address, IppConnection connection) : IDisposable
{
    public const string Pdf = "application/pdf";

    public PrinterAddress Address => address;

    /// <summary>Time for an answer.</summary>
    public TimeSpan Limit => connection.Limit;

    /// <summary>Its abilities and its state.</summary>
    public async Task<PrinterDescription> DescribeAsync(CancellationToken cancellationToken)
    {
        var answer = await AskAsync(IppOperation.GetPrinterAttributes, jobId: null, [Requested(PrinterDescription.Attributes)], job: null, document: null, cancellationToken);
        return new(answer[IppTag.PrinterAttributes]);
    }

    /// <summary>Creates a job that waits for its document.</summary>
    /// <param name="token">The job's name, by which it is found again.</param>
    /// <returns>The job's id.</returns>
    /// <exception cref="JobRefusedException">No job was created, or one that would be printed in another way: it was cancelled.</exception>
    public async Task<int> CreateJobAsync(string token, IReadOnlyList<IppAttribute> job, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(IppOperation.CreateJob, jobId: null, Named(token), job, document: null, cancellationToken);
        var id = IdOf(answer);
        var dropped = DroppedBy(answer, job);
        if (dropped is [])
            return id;
        try
        {
            await connection.SendAsync(IppOperation.CancelJob, id, [], job: null, document: null, cancellationToken);
        }
        catch (IOException)
        {
            // Without a document it prints nothing, and the printer gives it up by itself.
        }

        throw new JobRefusedException(IppOperation.CreateJob, answer.Status, dropped);
    }

    /// <summary>Sends the one document of a job.</summary>
    /// <exception cref="JobRefusedException">It was not taken.</exception>
    public Task SendDocumentAsync(int jobId, Stream document, CancellationToken cancellationToken) =>
        AskAsync(IppOperation.SendDocument, jobId, [Format, new("last-document", IppValue.Boolean(true))], job: null, document, cancellationToken);

    /// <summary>
    /// Both in one, for printers that know no other way. They are first asked whether they would do all that is wanted (RFC 8011, section 4.2.3), since the
    /// document could be on paper before its job was cancelled.
    /// </summary>
    /// <returns>The job's id.</returns>
    /// <exception cref="JobRefusedException">No job was created.</exception>
    public async Task<int> PrintJobAsync(string token, IReadOnlyList<IppAttribute> job, Stream document, CancellationToken cancellationToken)
    {
        IReadOnlyList<IppAttribute> operation = [.. Named(token), Format];
        var answer = await AskAsync(IppOperation.ValidateJob, jobId: null, operation, job, document: null, cancellationToken);
        if (DroppedBy(answer, job) is [_, ..] dropped)
            throw new JobRefusedException(IppOperation.ValidateJob, answer.Status, dropped);
        return IdOf(await AskAsync(IppOperation.PrintJob, jobId: null, operation, job, document, cancellationToken));
    }

    /// <summary>A job of that id, or null if the printer has none, or has given the id to somebody else's job.</summary>
    public async Task<PrintJobState?> FindJobAsync(int jobId, string token, CancellationToken cancellationToken)
    {
        var answer = await connection.SendAsync(
            IppOperation.GetJobAttributes, jobId, [Requested(PrintJobState.Attributes)], job: null, document: null, cancellationToken);
        if (answer.Status is IppStatus.NotFound or IppStatus.Gone)
            return null;
        var job = PrintJobState.Read(Checked(IppOperation.GetJobAttributes, answer)[IppTag.JobAttributes]);
        return job.Name == token ? job : null;
    }

    /// <summary>The job of that name, whatever became of it, or null if the printer knows none.</summary>
    public async Task<PrintJobState?> FindJobAsync(string token, CancellationToken cancellationToken) =>
        await FindJobAsync(token, "not-completed", cancellationToken) ?? await FindJobAsync(token, "completed", cancellationToken);

    /// <summary>Cancels a job. One that has ended stays as it is, and so does one of that id with another name, which is somebody else's.</summary>
    /// <returns>Whether there is nothing more to cancel; false: the printer has refused, as it does if the job has ended (RFC 8011, section 4.3.3).</returns>
    /// <exception cref="JobRefusedException">It does not say whether it knows the job.</exception>
    public async Task<bool> CancelAsync(int jobId, string token, CancellationToken cancellationToken)
    {
        if (await FindJobAsync(jobId, token, cancellationToken) is null)
            return true;
        return (await connection.SendAsync(IppOperation.CancelJob, jobId, [], job: null, document: null, cancellationToken)).Succeeded;
    }

    /// <summary>
    /// Removes a job that has ended and the document that is kept of it; a job of that id with another name is somebody else's, and stays. The attribute
    /// for it, `purge-job`, is one of CUPS: printers may not know it.
    /// </summary>
    /// <returns>Whether nothing is known of the job any more.</returns>
    /// <exception cref="JobRefusedException">It does not say whether it knows the job.</exception>
    public async Task<bool> PurgeAsync(int jobId, string token, CancellationToken cancellationToken)
    {
        if (await FindJobAsync(jobId, token, cancellationToken) is not { } job)
            return true;
        if (job.Stage < JobStage.Cancelled)
            return false; // it would be cancelled in the middle
        await connection.SendAsync(IppOperation.CancelJob, jobId, [new("purge-job", IppValue.Boolean(true))], job: null, document: null, cancellationToken);
        return await FindJobAsync(jobId, token, cancellationToken) is null;
    }

    public void Dispose() => connection.Dispose();

    private static IppAttribute Format => new("document-format", IppValue.Characters(IppTag.MimeMediaType, Pdf));

    private static IppAttribute Requested(IReadOnlyList<string> names) =>
        new("requested-attributes", [.. names.Select(name => IppValue.Characters(IppTag.Keyword, name))]);

    private static List<IppAttribute> Named(string token) =>
        [new("job-name", IppValue.Characters(IppTag.Name, token)), new("ipp-attribute-fidelity", IppValue.Boolean(true))];

    private static int IdOf(IppMessage answer) =>
        answer[IppTag.JobAttributes]["job-id"]?.Integer ?? throw new IppFormatException("The answer names no job.");

    private async Task<PrintJobState?> FindJobAsync(string token, string which, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(
            IppOperation.GetJobs, jobId: null, [Requested(PrintJobState.Attributes), IppAttribute.Keyword("which-jobs", which)], job: null, document: null, cancellationToken);
        return answer.Groups.Where(group => group.Tag == IppTag.JobAttributes && group["job-name"]?.Text == token).Select(PrintJobState.Read).FirstOrDefault();
    }

    private async Task<IppMessage> AskAsync(
        IppOperation operation, int? jobId, IEnumerable<IppAttribute> attributes, IReadOnlyList<IppAttribute>? job, Stream? document, CancellationToken cancellationToken) =>
        Checked(operation, await connection.SendAsync(operation, jobId, attributes, job, document, cancellationToken));

    private static IppMessage Checked(IppOperation operation, IppMessage answer) => answer.Succeeded
        ? answer
        : throw new JobRefusedException(operation, answer.Status, [.. UnsupportedOf(answer)]);

    /// <summary>What of a job the printer does not do. Some drop what they cannot do although they were told to refuse it, and say so (RFC 8011, section 4.1.7).</summary>
    private static List<string> DroppedBy(IppMessage answer, IReadOnlyList<IppAttribute> job) => answer.Status is IppStatus.OkIgnoredAttributes or IppStatus.OkConflictingAttributes
        ? [.. UnsupportedOf(answer).Intersect(job.Select(attribute => attribute.Name), StringComparer.Ordinal)]
        : [];

    private static IEnumerable<string> UnsupportedOf(IppMessage answer) => answer[IppTag.UnsupportedAttributes].Attributes.Select(attribute => attribute.Name);
}
