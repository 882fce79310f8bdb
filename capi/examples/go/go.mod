module omnilink.example

go 1.19
