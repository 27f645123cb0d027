module Program

[<EntryPoint>]
let main _ =
    printfn "%s" (Facts.json "F#")
    0
