namespace Lur.Programs;

/// <summary>How long each operation of a program takes by itself.</summary>
internal static class OperationTimes
{
    /// <summary>Runs the program once, and then each operation as a graph of several of it on end, so that no start by the host is in its
    /// time. What the program has computed is void afterwards.</summary>
    /// <param name="program">The program.</param>
    /// <param name="repeats">How many of an operation a graph has.</param>
    /// <returns>Seconds of one, by operation.</returns>
    public static double[] Of(Program program, int repeats)
    {
        program.Run();
        program.Device.Synchronize();
        using var timer = program.Device.CreateTimer();
        return [.. program.Operations.Select(Time)];

        double Time(Action operation)
        {
            using var graph = program.Device.Capture(() =>
            {
                for (var i = 0; i < repeats; i++)
                    operation();
            });
            graph.Launch();
            timer.Start();
            graph.Launch();
            timer.Stop();
            return timer.Milliseconds / 1e3 / repeats;
        }
    }
}
