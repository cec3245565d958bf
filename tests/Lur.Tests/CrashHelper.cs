using System.Diagnostics;

namespace Lur.Tests;

/// <summary>
/// <c>dotnet Lur.Tests.dll crash-helper ACTION PATH BYTES</c> writes a file in a process of its own, which a test may
/// kill or starve of disk space.
/// </summary>
public static class CrashHelper
{
    private const int ChunkBytes = 1 << 16;

    /// <summary>The first argument that selects it.</summary>
    public const string Name = "crash-helper";

    public static int Run(string[] args)
    {
        if (args is not [Name, var action, var path, var bytes])
            return 2;
        try
        {
            switch (action)
            {
                case "half":
                    AtomicFile.Write(
                        path,
                        stream =>
                        {
                            WriteChunks(stream, 'B', int.Parse(bytes) / 2);
                            stream.Flush();
                            Console.WriteLine("half");
                            Thread.Sleep(Timeout.Infinite);
                        }
                    );
                    return 3;
                case "whole":
                    AtomicFile.Write(path, stream => WriteChunks(stream, 'B', int.Parse(bytes)));
                    return 0;
                case "loop":
                    for (var i = 0; ; i++)
                    {
                        AtomicFile.Write(path, stream => WriteChunks(stream, (char)('A' + i % 2), int.Parse(bytes)));
                        if (i == 0)
                            Console.WriteLine("started");
                    }
                default:
                    return 2;
            }
        }
        catch (UserErrorException e)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    /// <summary>Starts the helper; <paramref name="shell"/> runs before it in the same process, such as a limit.</summary>
    public static Process Start(string action, string path, int bytes, string shell = ":")
    {
        string[] helper = [ChildProcess.Dotnet, "exec", typeof(CrashHelper).Assembly.Location, Name, action, path, $"{bytes}"];
        // Both features of the runtime write files of their own, which a file size limit would hit first.
        (string, string?)[] quiet = [("DOTNET_EnableWriteXorExecute", "0"), ("DOTNET_EnableDiagnostics", "0")];
        return ChildProcess.Start("/bin/sh", ["-c", $"{shell}; exec \"$@\"", "sh", .. helper], quiet);
    }

    private static void WriteChunks(Stream stream, char letter, int bytes)
    {
        var chunk = new byte[ChunkBytes];
        chunk.AsSpan().Fill((byte)letter);
        for (var written = 0; written < bytes; written += ChunkBytes)
            stream.Write(chunk, 0, Math.Min(ChunkBytes, bytes - written));
    }
}
