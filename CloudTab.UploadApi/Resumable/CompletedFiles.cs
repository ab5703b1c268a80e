using CloudTab.Relay;

namespace CloudTab.UploadApi;

/// <summary>The files that uploads have become, as the answer to an upload tells them.</summary>
internal sealed class CompletedFiles(Database database)
{
    /// <summary>The file of a complete upload; null where it becomes none by itself (a partial upload of tus), or is gone again.</summary>
    public Task<UploadedFile?> FindAsync(Upload upload, CancellationToken cancellationToken)
    {
        const string sql = "SELECT id, name, type, size, sha256, pages, locked FROM files WHERE id = @File AND stored_at IS NOT NULL";
        return database.QuerySingleOrDefaultAsync<UploadedFile>(sql, new { upload.File }, cancellationToken);
    }
}
